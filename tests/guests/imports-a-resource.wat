;; Wants a type that is a handle, among types that are none.
(component
  (import "passerelle:tenant/types@0.1.0" (instance (export "secret" (type (sub resource))))))
