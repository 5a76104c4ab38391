module github.com/hallpass-go/hallpass/cachestore

go 1.26.0

replace github.com/hallpass-go/hallpass => ../

require (
	github.com/hallpass-go/hallpass v0.0.0
	github.com/maypok86/otter/v2 v2.4.0
)

require (
	github.com/stretchr/testify v1.12.1
	go.yaml.in/yaml/v3 v3.0.5 // indirect
)
