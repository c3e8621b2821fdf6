// Package kplpb is the generated code of kpl.proto, the schema of the KPL's
// aggregated record format. kinpack packs and unpacks without it; it is the
// schema of record and what the codecs are tested against.
//
// The code is made by protoc-gen-go v1.36.12 over the compiler protocompile
// v0.14.1, both pinned in gen/go.mod and run by `go generate`; protoc is not
// needed (protoc 35.1 with the same plug-in writes the same code, but for the
// header line that names the compiler).
package kplpb

//go:generate go -C gen run .
