"""Our nodes beside Serf agents: how soon a killed member is out of every view, and what a cluster costs at rest."""
