module countersign.test/ordering

go 1.26

require (
	github.com/Masterminds/semver/v3 v3.5.0
	github.com/google/osv-scalibr v0.5.3
	golang.org/x/mod v0.43.0
)
