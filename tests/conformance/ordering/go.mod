module countersign.test/ordering

go 1.26

require github.com/google/osv-scalibr v0.5.3
