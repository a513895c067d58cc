;; Wants an asynchronous interface of WASI 0.3.
(component
  (import "wasi:http/handler@0.3.0" (instance (export "handle" (func async)))))
