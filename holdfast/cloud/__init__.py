"""Azure's control plane: SQL servers, managed instances, worker VMs, secrets; and the one factory of Azure clients."""
