package consent

import "strings"

// The kinds of ids that say what they are: <kind>:<value>. What stands before the colon of any other id means nothing here.
//
//	email_sha256:<64 hexadecimal digits>               the hash of a normalised e-mail address
//	email_hmac:<8 digits>.<64 hexadecimal digits>      the same under a key, and before it the key's id
//	phone_e164_hmac:<8 digits>.<64 hexadecimal digits> the same of a phone number
//	cookie:<name>, account:<name>, device:<name>       a name that the controller gave, of visible ASCII
//
// All digits are lower case: an id that could be written in two ways would be two people.
const (
	hashDigits  = 64
	keyIDDigits = 8
	// longestKind is that of phone_e164_hmac.
	longestKind = 15
)

// SubjectIDFault says what is wrong with the value of an id that says what it is; empty: nothing. It looks at no more than the
// first 16 bytes of an id without a colon there, and allocates nothing unless there is a fault.
func SubjectIDFault(id string) string {
	colon := strings.IndexByte(id[:min(len(id), longestKind+1)], ':')
	if colon < 0 {
		return ""
	}
	kind, value := id[:colon], id[colon+1:]
	switch kind {
	case "email_sha256":
		return hashFault(kind, value)
	case "email_hmac", "phone_e164_hmac":
		keyID, hash, _ := strings.Cut(value, ".")
		if len(keyID) == keyIDDigits && lowerHex(keyID) && hashFault(kind, hash) == "" {
			return ""
		}
		return "is no " + kind + " id: after the colon come the key's id of 8, a dot, and a hash of 64 hexadecimal digits in lower " +
			"case; the clients' helpers make one of an address and a key"
	case "cookie", "account", "device":
		return nameFault(kind, value)
	}
	return letterCaseFault(kind)
}

func hashFault(kind, hash string) string {
	if len(hash) == hashDigits && lowerHex(hash) {
		return ""
	}
	return "is no " + kind +
		" id: after the colon come 64 hexadecimal digits in lower case; the clients' helpers make one of an address"
}

func lowerHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// nameFault refuses names that two programs might write in two ways, or that no reader sees.
func nameFault(kind, name string) string {
	for i := range len(name) {
		if c := name[i]; c <= ' ' || c > '~' {
			return "is no " + kind +
				" id: after the colon comes a name without spaces, of visible ASCII; encode other names, such as in base64url"
		}
	}
	if name == "" {
		return "is no " + kind + " id: nothing comes after the colon"
	}
	return ""
}

// letterCaseFault refuses a hashed kind in other letters: an unsubscribe under Email_hmac:… would be another person's.
func letterCaseFault(kind string) string {
	for _, known := range [...]string{"email_sha256", "email_hmac", "phone_e164_hmac"} {
		if strings.EqualFold(kind, known) {
			return "must begin with " + known + " in lower case"
		}
	}
	return ""
}
