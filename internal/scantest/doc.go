// Package scantest proves that the rules of docs/scanning find every token and nothing else, with gitleaks itself. It is a module
// of its own, outside the workspace, because gitleaks requires more than a hundred modules.
package scantest
