package place

// instead is what to write for a code that is not assigned.
type instead struct {
	// country is the code of the country, or a choice of them; empty: none can be named.
	country string
	// below is the more exact code where a subdivision may be named; empty: none is.
	below string
	// why says more; may be empty.
	why string
}

func (i instead) text(below bool) string {
	text := "write " + i.country
	switch {
	case i.country == "":
		text = "write the code of the country that is meant"
	case below && i.below != "":
		text += " (" + i.below + ")"
	}
	if i.why != "" {
		text = i.why + ": " + text
	}
	return text
}

// notAssigned are codes that people and systems write and that ISO 3166-1 does not assign: reserved ones, those of
// countries that are no more, and what other lists use.
var notAssigned = map[string]instead{
	// Reserved at somebody's wish.
	"AC": {country: "SH", below: "SH-AC", why: "Ascension"},
	"CP": {country: "FR", below: "FR-CP", why: "Clipperton"},
	"CQ": {country: "GG", why: "Sark"},
	"DG": {country: "IO", why: "Diego Garcia"},
	"EA": {country: "ES", below: "ES-CE or ES-ML", why: "Ceuta and Melilla"},
	"EU": {country: "the member state's code, such as DE", why: "the European Union is no country"},
	"EZ": {country: "the member state's code, such as DE", why: "the euro area is no country"},
	"FX": {country: "FR"},
	"IC": {country: "ES", below: "ES-CN", why: "the Canary Islands"},
	"SU": {country: "RU, or the code of the successor state that is meant", why: "the Soviet Union is no more"},
	"TA": {country: "SH", below: "SH-TA", why: "Tristan da Cunha"},
	"UK": {country: "GB"},
	"UN": {why: "the United Nations are no country"},
	// Used beside the standard.
	"EL": {country: "GR"},
	"XI": {country: "GB", below: "GB-NIR", why: "Northern Ireland"},
	"XK": {country: "RS", below: "RS-KM", why: "Kosovo has no assigned code, and ISO 3166-2 lists it as RS-KM"},
	"ZZ": {why: "this stands for no country"},
	"AA": {why: "this stands for no country"},
	"XX": {why: "this stands for no country"},
	// Withdrawn.
	"AN": {country: "BQ, CW or SX", why: "the Netherlands Antilles are no more"},
	"BU": {country: "MM"},
	"CS": {country: "RS or ME, or CZ or SK", why: "Serbia and Montenegro, and Czechoslovakia, are no more"},
	"CT": {country: "KI"},
	"DD": {country: "DE"},
	"DY": {country: "BJ"},
	"FQ": {country: "AQ or TF"},
	"HV": {country: "BF"},
	"JT": {country: "UM"},
	"MI": {country: "UM"},
	"NH": {country: "VU"},
	"NQ": {country: "AQ"},
	"NT": {country: "IQ or SA"},
	"PC": {country: "FM, MH, MP or PW"},
	"PU": {country: "UM"},
	"PZ": {country: "PA"},
	"RH": {country: "ZW"},
	"TP": {country: "TL"},
	"VD": {country: "VN"},
	"WK": {country: "UM"},
	"YD": {country: "YE"},
	"YU": {country: "RS or ME, or the code of the successor state that is meant", why: "Yugoslavia is no more"},
	"ZR": {country: "CD"},
}
