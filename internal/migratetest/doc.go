// Package migratetest proves that the files of sqlstore.Migrations are taken as they are by the tools that hosts migrate with. It is a
// module of its own, outside the workspace, because these tools require hundreds of modules.
package migratetest
