.PHONY: test demo fmt lint race ci

test:            ## what `go test ./...` does
	go test ./...

demo:            ## a live failover that anyone can watch
	go run ./cmd/holdfast demo

fmt:
	go tool gofumpt -w .

lint:
	go vet ./... && go tool staticcheck ./...

race:
	CGO_ENABLED=1 go test -race -short ./...

ci:
	bash .ci/run
