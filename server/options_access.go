package main

// accessSettings are those of what callers may do.
func accessSettings() []setting {
	return []setting{
		{name: "access",
			usage: "YAML file of grants, which say what callers may do, beside those of the policies; followed as it changes",
			set:   text(func(o *options) *string { return &o.config.Access.File })},
	}
}
