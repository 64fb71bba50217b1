package subject_test

import (
	"fmt"

	"github.com/consentd/consentd/client/subject"
)

// One address has one id, in whichever letter case and form it is written. Keep the key where secrets are kept.
func ExampleKey_Email() {
	key, err := subject.NewKey([]byte("a key of at least 32 random bytes"))
	if err != nil {
		fmt.Println(err)
		return
	}
	one, _ := key.Email("Ada@Example.com")
	other, _ := key.Email(" ada@example.com ")
	fmt.Println(one == other)

	_, err = key.Email("ada@@example.com")
	fmt.Println(err != nil)
	// Output:
	// true
	// true
}
