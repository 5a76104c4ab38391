package hallpass_test

import "slices"

// The oracle is a second, independent statement of the access rules, written
// as plainly as possible so that the library can be compared with it. It uses
// plain data only and nothing of the library.

type oracleResource struct {
	kind                           string // "workspace", "project", "repository", or "" for none
	workspace, project, repository string
	in                             string // the project a repository lies in now, "" if unknown
}

type oracleToken struct {
	bound             oracleResource
	granted           []string
	revoked, tampered bool
}

type oracleAnswer struct {
	outcome    string   // "allow", "denied", "unauthenticated", "invalid"
	missing    []string // if denied: all that the scope does not permit, in the order asked
	outOfReach bool     // if denied: the token's resource does not contain the target
}

type oracleFact struct {
	permission string
	kinds      []string // the kinds of token that may hold it
	implies    []string // what it grants directly, besides itself
}

// The kinds of token that may hold a permission.
var (
	oracleAnyKind       = []string{"repository", "project", "workspace"}
	oracleProjectUp     = []string{"project", "workspace"}
	oracleWorkspaceOnly = []string{"workspace"}
	oracleNoKind        = []string{}
)

// oracleFacts are Bitbucket Cloud's rules for access tokens, and two
// permissions that no token may ever hold. Writing or administering implies
// reading only where Bitbucket says so: repository:admin, pipeline:write,
// runner:write and project:admin imply nothing.
var oracleFacts = []oracleFact{
	{"repository", oracleAnyKind, nil},
	{"repository:write", oracleAnyKind, []string{"repository"}},
	{"repository:admin", oracleAnyKind, nil},
	{"repository:delete", oracleAnyKind, nil},
	{"pullrequest", oracleAnyKind, []string{"repository"}},
	{"pullrequest:write", oracleAnyKind, []string{"pullrequest", "repository:write"}},
	{"webhook", oracleAnyKind, nil},
	{"pipeline", oracleAnyKind, nil},
	{"pipeline:write", oracleAnyKind, nil},
	{"pipeline:variable", oracleAnyKind, nil},
	{"runner", oracleAnyKind, nil},
	{"runner:write", oracleAnyKind, nil},
	{"project", oracleProjectUp, []string{"repository"}},
	{"project:admin", oracleWorkspaceOnly, nil},
	{"account", oracleWorkspaceOnly, nil},
	{"workspace:admin", oracleNoKind, nil},
	{"token:admin", oracleNoKind, nil},
}

// oracleDecide says what a token may do: allow if and only if it is live, its
// resource contains the target, and its scope permits every permission asked.
func oracleDecide(t oracleToken, target oracleResource, asked ...string) oracleAnswer {
	// A dead token is refused before anything else is looked at.
	if t.revoked || t.tampered {
		return oracleAnswer{outcome: "unauthenticated"}
	}

	// Asking for nothing, or for what the catalog does not know, is the
	// caller's mistake. Absence never widens anything.
	if len(asked) == 0 {
		return oracleAnswer{outcome: "invalid"}
	}
	for _, permission := range asked {
		if !slices.Contains(oraclePermissions(), permission) {
			return oracleAnswer{outcome: "invalid"}
		}
	}

	// Both reasons for a denial are always worked out in full.
	permitted := oraclePermitted(t)
	var missing []string
	for _, permission := range asked {
		if !slices.Contains(permitted, permission) {
			missing = append(missing, permission)
		}
	}
	outOfReach := !oracleContains(t.bound, target)

	if len(missing) > 0 || outOfReach {
		return oracleAnswer{outcome: "denied", missing: missing, outOfReach: outOfReach}
	}
	return oracleAnswer{outcome: "allow"}
}

// oraclePermitted lists all that the token's scope permits. What its kind may
// not hold grants nothing, not even what it would imply.
func oraclePermitted(t oracleToken) []string {
	var permitted []string
	for _, permission := range t.granted {
		if oracleMayHold(oracleValid(t.bound).kind, permission) {
			permitted = append(permitted, oracleImplies(permission)...)
		}
	}
	return permitted
}

// oracleMayHold says whether a token of this kind may be issued with this
// permission.
func oracleMayHold(kind, permission string) bool {
	for _, fact := range oracleFacts {
		if fact.permission == permission {
			return slices.Contains(fact.kinds, kind)
		}
	}
	return false
}

// oraclePermissions lists all permissions of the catalog, sorted.
func oraclePermissions() []string {
	var all []string
	for _, fact := range oracleFacts {
		all = append(all, fact.permission)
	}
	slices.Sort(all)
	return all
}

// oracleImplies lists all that holding grants, itself included, sorted. An
// unknown permission grants nothing.
func oracleImplies(holding string) []string {
	var closure []string
	for _, fact := range oracleFacts {
		if fact.permission == holding {
			closure = append(closure, holding)
			for _, implied := range fact.implies { // the facts hold no cycle
				closure = append(closure, oracleImplies(implied)...)
			}
		}
	}
	slices.Sort(closure)
	return slices.Compact(closure)
}

// oracleContains says whether other is r, or now lies inside r. Reach goes
// down, never up or sideways. Where r itself lies does not matter.
func oracleContains(r, other oracleResource) bool {
	r, other = oracleValid(r), oracleValid(other)
	if r.kind == "" || other.kind == "" {
		return false // no resource contains nothing and is contained in nothing
	}
	if r.workspace != other.workspace {
		return false
	}
	switch r.kind + " contains " + other.kind {
	case "workspace contains workspace", "workspace contains project", "workspace contains repository":
		return true
	case "project contains project":
		return r.project == other.project
	case "project contains repository":
		return r.project == other.in // never so if its project is unknown
	case "repository contains repository":
		return r.repository == other.repository
	}
	return false
}

// oracleValid returns r with only the parts that its kind has, or no resource
// at all if a part is bad or if something other than a repository lies in a
// project.
func oracleValid(r oracleResource) oracleResource {
	switch {
	case r.kind == "workspace" && oracleGoodID(r.workspace) && r.in == "":
		return oracleResource{kind: r.kind, workspace: r.workspace}
	case r.kind == "project" && oracleGoodID(r.workspace) && oracleGoodID(r.project) && r.in == "":
		return oracleResource{kind: r.kind, workspace: r.workspace, project: r.project}
	case r.kind == "repository" && oracleGoodID(r.workspace) && oracleGoodID(r.repository) &&
		(r.in == "" || oracleGoodID(r.in)):
		return oracleResource{kind: r.kind, workspace: r.workspace, repository: r.repository, in: r.in}
	}
	return oracleResource{}
}

// oracleGoodID: 1 to 128 bytes of visible ASCII, without "/", not "." or "..".
func oracleGoodID(id string) bool {
	for i := range len(id) {
		if id[i] < '!' || id[i] > '~' || id[i] == '/' {
			return false
		}
	}
	return len(id) >= 1 && len(id) <= 128 && id != "." && id != ".."
}
