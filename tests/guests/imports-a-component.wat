;; Wants a component.
(component (import "helper" (component)))
