// Package forgetest drives the pages of the forge with a browser, as people do: the real binary, over real HTTP, with Chromium. It is a
// module of its own, outside the workspace, because nothing else needs a browser.
//
// HALLPASS_SCREENSHOTS names a folder in which it leaves pictures of the pages, such as ../../docs/img.
package forgetest
