// Package dbtest holds the tests of sqlstore on real databases. It is a module of its own, so that whoever imports hallpass
// gets no driver.
package dbtest
