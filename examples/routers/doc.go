// Package routers shows hallpass behind other routers than that of the standard library, and behind RPC: [Chi], [Echo], [Gin], [GRPC] and
// [Connect], a file each, for the same small forge. It is a module of its own, outside the workspace, because these frameworks require
// dozens of modules.
package routers
