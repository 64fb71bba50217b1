package wire_test

import (
	"fmt"

	"github.com/consentd/consentd/proto/consent/v1/wire"
)

func ExampleParseToken() {
	text := wire.Token{StoreID: [16]byte{1, 2, 3}, Revision: 70}.String()
	token, err := wire.ParseToken(text)
	fmt.Println(token.Revision, err)

	_, err = wire.ParseToken(text[1:])
	fmt.Println(err)
	// Output:
	// 70 <nil>
	// malformed
}
