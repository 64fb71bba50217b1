package consent

// Controller is a controller as the active policies describe it.
type Controller struct {
	ID string
	// Name is for people.
	Name string
	// Purposes are those that it declares or prohibits, sorted by name.
	Purposes []Purpose
}

// Purpose is a purpose as a controller declares it.
type Purpose struct {
	Name string
	// Basis is the declared basis; zero where the purpose is prohibited. Another may be in effect for some subjects.
	Basis      Basis
	Prohibited bool
	// Clause is the section of the privacy policy behind it.
	Clause string
	// NoticeVersion is the current version of the notice, MaterialNoticeVersion the oldest to which a consent still counts.
	NoticeVersion, MaterialNoticeVersion uint32
}

// Policy describes the active policies. It is immutable.
type Policy struct {
	// Revision is the digest of all files.
	Revision string
	// ActivatedAt is when this node activated them.
	ActivatedAt Instant
	// Files is sorted by path.
	Files []PolicyFile
	// Controllers is sorted by id.
	Controllers []Controller
}

// PolicyFile is one file of the active policies.
type PolicyFile struct {
	Path    string
	SHA256  string
	Content []byte
}
