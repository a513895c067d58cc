;; Wants what lies at an address, whose text has a line of its own for whoever reads the refusal.
(component (import "url=<https://a.example/\0a\1b[31mgranted>" (func)))
