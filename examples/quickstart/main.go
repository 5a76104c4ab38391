package main

import (
	_ "github.com/hallpass-go/hallpass/sqlstore"
	_ "modernc.org/sqlite"
)

func main() {}
