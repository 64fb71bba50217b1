package consent_test

import (
	"strings"
	"testing"

	"github.com/consentd/consentd/server/consent"
)

func TestSubjectIDFault(t *testing.T) {
	const key, hash = "0123abcd", "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
	const noHash = "is no email_sha256 id: after the colon come 64 hexadecimal digits in lower case; the clients' helpers make one"
	for _, row := range []struct{ id, fault string }{
		{"user-42", ""},
		{"", ""}, // that it is required is said elsewhere
		{"用户", ""},
		{"urn:uuid:3b1f", ""},
		{"acct:17", ""},
		{"Account:17", ""},
		{"email:ada", ""},
		{":", ""},
		{"a-plain-id-with-a-late-colon:email_hmac:x", ""},
		{"email_sha256", ""},
		{"email_sha2567:x", ""},
		{"email_sha256:" + hash, ""},
		{"email_sha256:" + strings.ToUpper(hash), noHash},
		{"email_sha256:" + hash[1:], noHash},
		{"email_sha256:" + hash + "0", noHash},
		{"email_sha256:" + hash + "\n", noHash},
		{"email_sha256:" + hash[1:] + "g", noHash},
		{"email_sha256:", noHash},
		{"email_sha256:ada@example.com", noHash},
		{"email_sha256:" + key + "." + hash, noHash},
		{"EMAIL_SHA256:" + hash, "must begin with email_sha256 in lower case"},
		{"Email_hmac:" + key + "." + hash, "must begin with email_hmac in lower case"},
		{"phone_E164_hmac:" + key + "." + hash, "must begin with phone_e164_hmac in lower case"},
		{"email_hmac:" + key + "." + hash, ""},
		{"phone_e164_hmac:" + key + "." + hash, ""},
		{"email_hmac:" + hash, "email_hmac id"},
		{"email_hmac:" + key + hash, "email_hmac id"},
		{"email_hmac:" + key + "." + hash[1:], "email_hmac id"},
		{"email_hmac:" + key + "." + hash + ".", "email_hmac id"},
		{"email_hmac:0123ABCD." + hash, "email_hmac id"},
		{"email_hmac:" + key[1:] + "." + hash, "email_hmac id"},
		{"email_hmac:." + hash, "email_hmac id"},
		{"phone_e164_hmac:+4930123456", "phone_e164_hmac id"},
		{"phone_e164_hmac:" + key + "." + strings.Repeat("é", 32), "phone_e164_hmac id"},
		{"cookie:GA1.2.3~x", ""},
		{"account:a:b/c?d=e", ""},
		{"device:AEBE52E7-03EE-455A-B3C4-E57283966239", ""},
		{"cookie:", "is no cookie id: nothing comes after the colon"},
		{"account:ada lovelace", "is no account id: after the colon comes a name without spaces"},
		{"account:jos\u00e9", "is no account id: after the colon comes a name without spaces"},
		{"device:x\x00", "is no device id: after the colon comes a name without spaces"},
		{"device: x", "is no device id: after the colon comes a name without spaces"},
	} {
		t.Run(row.id, func(t *testing.T) {
			got := consent.SubjectIDFault(row.id)
			if (got == "") != (row.fault == "") || !strings.Contains(got, row.fault) {
				t.Errorf("got %q, want %q", got, row.fault)
			}
		})
	}
}

// The look at an id is on the path of every check.
func TestSubjectIDFaultAllocatesNothing(t *testing.T) {
	for _, id := range []string{"user-42", "email_hmac:0123abcd." + strings.Repeat("0", 64), "account:17", "e:x"} {
		if n := testing.AllocsPerRun(100, func() { consent.SubjectIDFault(id) }); n != 0 {
			t.Errorf("%s: %v allocations", id, n)
		}
	}
}

func BenchmarkSubjectIDFault(b *testing.B) {
	for name, id := range map[string]string{
		"plain": "01926a9c-5f0e-7c3a-9d43-0a3f3f6f8b21", "account": "account:17",
		"hmac": "email_hmac:0123abcd." + strings.Repeat("0", 64),
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if consent.SubjectIDFault(id) != "" {
					b.Fatal("refused")
				}
			}
		})
	}
}
