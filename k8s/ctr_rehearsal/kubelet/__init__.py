"""Pods as processes of this machine: started, probed, restarted and stopped as a kubelet does."""
