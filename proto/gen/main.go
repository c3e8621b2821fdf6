// Command gen compiles ../kpl.proto to ../kpl.pb.go. It needs Go and nothing
// else: protocompile stands in for protoc, and protoc-gen-go runs in process.
// Their versions are pinned in go.mod.
package main

import (
	"context"
	"log"
	"os"
	"path/filepath"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/protoutil"
	"google.golang.org/protobuf/cmd/protoc-gen-go/internal_gengo"
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

// sources are the schemas by the path they are registered under; the
// directory, relative to this one, is where each stands and its code goes.
var sources = []struct{ dir, path string }{
	{"..", "github.com/kinpack/kinpack/proto/kpl.proto"},
	{"../internal/othercopy", "messages.proto"},
}

func main() {
	log.SetFlags(0)
	for _, s := range sources {
		if err := generate(s.dir, s.path); err != nil {
			log.Fatalf("%s: %v", s.path, err)
		}
	}
}

func generate(dir, path string) error {
	source, err := os.ReadFile(filepath.Join(dir, filepath.Base(path)))
	if err != nil {
		return err
	}
	compiler := protocompile.Compiler{
		Resolver: &protocompile.SourceResolver{
			Accessor: protocompile.SourceAccessorFromMap(map[string]string{path: string(source)}),
		},
		SourceInfoMode: protocompile.SourceInfoStandard,
	}
	files, err := compiler.Compile(context.Background(), path)
	if err != nil {
		return err
	}
	plugin, err := protogen.Options{}.New(&pluginpb.CodeGeneratorRequest{
		FileToGenerate: []string{path},
		ProtoFile:      []*descriptorpb.FileDescriptorProto{protoutil.ProtoFromFileDescriptor(files[0])},
	})
	if err != nil {
		return err
	}
	internal_gengo.GenerateFile(plugin, plugin.Files[0])
	for _, f := range plugin.Response().File {
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(f.GetName())), []byte(f.GetContent()), 0o644); err != nil {
			return err
		}
	}
	return nil
}
