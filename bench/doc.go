// Package bench shows what packing costs and saves: go test -bench . ./bench, and
// README.md.
package bench

//go:generate go test -run TestGenerated -write .
