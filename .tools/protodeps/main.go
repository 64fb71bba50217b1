// Protodeps writes the .proto files of third parties that the project's own import, from the descriptors that their Go
// packages carry, so that buf and protoc find them without a network.
//
//	go run ./protodeps DIR
package main

import (
	"fmt"
	"os"
	"path/filepath"

	_ "buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"github.com/jhump/protoreflect/desc" //lint:ignore SA1019 the v2 printer is still a beta
	"github.com/jhump/protoreflect/desc/protoprint"
	_ "google.golang.org/genproto/googleapis/rpc/errdetails"
	_ "google.golang.org/genproto/googleapis/rpc/status"
)

var files = []string{"buf/validate/validate.proto", "google/rpc/error_details.proto", "google/rpc/status.proto"}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: protodeps DIR")
		os.Exit(2)
	}
	for _, name := range files {
		if err := write(os.Args[1], name); err != nil {
			fmt.Fprintf(os.Stderr, "protodeps: writing %s: %v\n", name, err)
			os.Exit(1)
		}
	}
}

func write(dir, name string) error {
	fd, err := desc.LoadFileDescriptor(name)
	if err != nil {
		return err
	}
	text, err := (&protoprint.Printer{}).PrintProtoToString(fd)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o644)
}
