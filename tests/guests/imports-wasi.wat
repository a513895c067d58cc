;; Wants to send requests by itself, through an interface that nobody grants.
(component
  (import "wasi:http/outgoing-handler@0.2.0" (instance (export "handle" (func)))))
