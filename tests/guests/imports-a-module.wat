;; Wants a core module.
(component (import "libc" (core module)))
