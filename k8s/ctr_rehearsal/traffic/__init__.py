"""How requests find pods: published endpoints, a real Envoy, a client-side balancer, and load."""
