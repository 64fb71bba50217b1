package place_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/consentd/consentd/server/place"
)

// official are the 249 codes that ISO 3166-1 assigns.
const official = `AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ
CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF
GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW
KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL
NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST
SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW`

func pairs() (all []string) {
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			all = append(all, string([]rune{a, b}))
		}
	}
	return all
}

func TestExactlyTheAssignedCodesAreCountries(t *testing.T) {
	var countries, jurisdictions []string
	for _, code := range pairs() {
		if place.CheckCountry(code) == nil {
			countries = append(countries, code)
		}
		if place.Check(code) == nil {
			jurisdictions = append(jurisdictions, code)
		}
	}
	want := strings.Fields(official)
	if len(want) != 249 {
		t.Fatalf("the list has %d codes", len(want))
	}
	if diff := cmp.Diff(want, countries); diff != "" {
		t.Errorf("countries (-ISO +ours):\n%s", diff)
	}
	if diff := cmp.Diff(want, jurisdictions); diff != "" {
		t.Errorf("jurisdictions (-ISO +ours):\n%s", diff)
	}
}

func TestExactlyTheStatesAndTerritoriesOfTheUnitedStates(t *testing.T) {
	var got []string
	for _, code := range pairs() {
		if place.Check("US-"+code) == nil {
			got = append(got, code)
		}
	}
	want := strings.Fields(`AK AL AR AS AZ CA CO CT DC DE FL GA GU HI IA ID IL IN KS KY LA MA MD ME MI MN MO MP MS MT NC ND NE
		NH NJ NM NV NY OH OK OR PA PR RI SC SD TN TX UM UT VA VI VT WA WI WV WY`)
	if len(want) != 50+1+6 {
		t.Fatalf("the list has %d codes", len(want))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-ISO +ours):\n%s", diff)
	}
}

func TestPlacesBelowACountry(t *testing.T) {
	for _, code := range []string{"", "DE-BY", "AT-9", "JP-13", "GB-SCT", "GB-NIR", "DK-84", "FR-75C", "ES-CN", "PR", "US-PR"} {
		if err := place.Check(code); err != nil {
			t.Errorf("%q: %v", code, err)
		}
	}
	for _, code := range []string{"DE-BY", "US-CA", ""} {
		if place.CheckCountry(code) == nil {
			t.Errorf("%q is taken for a country", code)
		}
	}
}

// What is refused names what to write; the two columns are for a jurisdiction and for a country.
func TestAdvice(t *testing.T) {
	for code, want := range map[string][2]string{
		"UK":                           {"write GB", "write GB"},
		"EL":                           {"write GR", "write GR"},
		"XI":                           {"write GB (GB-NIR)", "write GB"},
		"IC":                           {"write ES (ES-CN)", "write ES"},
		"EA":                           {"write ES (ES-CE or ES-ML)", "write ES"},
		"EU":                           {"the member state's code", "the member state's code"},
		"XK":                           {"no assigned code, and ISO 3166-2 lists it as RS-KM: write RS (RS-KM)", "Kosovo"},
		"AN":                           {"write BQ, CW or SX", "write BQ, CW or SX"},
		"YU":                           {"write RS or ME", "write RS or ME"},
		"SU":                           {"write RU", "write RU"},
		"DD":                           {"write DE", "write DE"},
		"TP":                           {"write TL", "write TL"},
		"ZZ":                           {"write the code of the country that is meant", "write the code of the country that is meant"},
		"QM":                           {"two capital letters", "two capital letters"},
		"de":                           {"write DE", "write DE"},
		"uk":                           {"write GB", "write GB"},
		"De-by":                        {"write DE-BY", "write DE"},
		"us-ca":                        {"write US-CA", "write US"},
		"US_CA":                        {"write US-CA", "write US"},
		"us-zz":                        {"such as US-CA", "write US"},
		"UK-SCT":                       {"write GB", "write GB"},
		"US-ZZ":                        {"such as US-CA", "write US"},
		"US-":                          {"such as US-CA", "write US"},
		"US-ca":                        {"write US-CA", "write US"},
		"US-AE":                        {"armed forces", "write US"},
		"US-PW":                        {"write PW", "write US"},
		"DE-by":                        {"write DE-BY", "write DE"},
		"DE-BAYER":                     {"write DE, or DE- and one to three", "write DE"},
		"DE-":                          {"write DE, or DE- and one to three", "write DE"},
		" DE":                          {"write DE", "write DE"},
		"DEU":                          {"write DE", "write DE"},
		"GBR":                          {"write GB", "write GB"},
		"usa":                          {"write US", "write US"},
		"276":                          {"write DE", "write DE"},
		"Germany":                      {"write DE", "write DE"},
		"the united states of america": {"write US", "write US"},
		"South Korea":                  {"write KR", "write KR"},
		"Côte d'Ivoire":                {"write CI", "write CI"},
		"Utopia":                       {"two capital letters", "two capital letters"},
		"\xff\x00":                     {"two capital letters", "two capital letters"},
	} {
		for i, err := range []error{place.Check(code), place.CheckCountry(code)} {
			if err == nil || !strings.Contains(err.Error(), want[i]) || !strings.Contains(err.Error(), ": ") {
				t.Errorf("%q: %v, want %q in it", code, err, want[i])
			}
		}
	}
}

var written = regexp.MustCompile(`\b[A-Z]{2}(-[A-Z0-9]{1,3})?\b`)

// Every code that any advice names may be written.
func TestAdviceCanBeFollowed(t *testing.T) {
	checked := 0
	for _, code := range pairs() {
		for _, err := range []error{place.Check(code), place.CheckCountry(code), place.Check("US-" + code)} {
			if err == nil {
				continue
			}
			_, advice, _ := strings.Cut(err.Error(), "write ")
			for _, named := range written.FindAllString(advice, -1) {
				checked++
				if again := place.Check(named); again != nil {
					t.Errorf("%q: %v: but %v", code, err, again)
				}
			}
		}
	}
	if checked < 200 {
		t.Errorf("only %d codes are named", checked)
	}
}

func TestALongCodeIsCutShort(t *testing.T) {
	if err := place.Check(strings.Repeat("x", 10_000)); err == nil || len(err.Error()) > 200 {
		t.Errorf("err = %.300v", err)
	}
}

func FuzzCheck(f *testing.F) {
	for _, code := range []string{"", "DE", "us-ca", "Germany", "UK", "DE-BYBY", "\xff"} {
		f.Add(code)
	}
	form := regexp.MustCompile(`^([A-Z]{2}(-[A-Z0-9]{1,3})?)?$`)
	f.Fuzz(func(t *testing.T, code string) {
		jurisdiction, country := place.Check(code), place.CheckCountry(code)
		if jurisdiction == nil && !form.MatchString(code) {
			t.Errorf("%q is no code", code)
		}
		if country == nil && (len(code) != 2 || jurisdiction != nil) {
			t.Errorf("%q is a country, and as a jurisdiction: %v", code, jurisdiction)
		}
		for _, err := range []error{jurisdiction, country} {
			if err != nil && !strings.Contains(err.Error(), "write ") {
				t.Errorf("%q: %v says not what to write", code, err)
			}
		}
	})
}

func BenchmarkCheckCountry(b *testing.B) {
	for b.Loop() {
		if err := place.CheckCountry("DE"); err != nil {
			b.Fatal(err)
		}
	}
}
