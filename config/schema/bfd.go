package schema

func bfdBlocks() []*Block {
	return []*Block{
		{Path: "bfd_instance", Means: "BFD session", Frame: "bfd_instance b {\nneighbor_ip 10.0.0.2\n%s\n}", Keys: bfdInstanceKeys},
	}
}

var bfdInstanceKeys = []Keyword{
	{Name: "source_ip", Args: list(host(addr(0))), Means: "local address", Default: "any", Good: "source_ip 10.0.0.3", Bad: "source_ip 10.0.0"},
	{Name: "neighbor_ip", Args: list(host(addr(0))), Means: "peer address", Good: "neighbor_ip 10.0.0.3", Bad: "neighbor_ip 10.0.0"},
	{Name: "neighbour_ip", Args: list(host(addr(0))), Means: "peer address", Good: "neighbour_ip 10.0.0.3", Bad: "neighbour_ip 10.0.0"},
	{Name: "min_rx", Args: list(millis("MS", "ms", 1000, 4294967000)), Means: "required min receive interval", Default: "10", Good: "min_rx 50", Bad: "min_rx 0"},
	{Name: "min_tx", Args: list(millis("MS", "ms", 1000, 4294967000)), Means: "desired min transmit interval", Default: "10", Good: "min_tx 50", Bad: "min_tx 0"},
	{Name: "idle_tx", Args: list(millis("MS", "ms", 1000000, 4294967000)), Means: "transmit interval when not up", Default: "1000", Good: "idle_tx 2000", Bad: "idle_tx 10"},
	{Name: "multiplier", Args: list(num("N", 1, 255)), Means: "detection multiplier", Default: "5", Good: "multiplier 3", Bad: "multiplier 0"},
	{Name: "passive", Means: "wait for peer before sending", Default: "off", Good: "passive", Bad: "passive now"},
	{Name: "ttl", Args: list(num("N", 1, 255)), Means: "TTL to send", Default: "255 IPv4 / 64 IPv6", Good: "ttl 64", Bad: "ttl 0"},
	{Name: "hoplimit", Args: list(num("N", 1, 255)), Means: "hop limit to send", Default: "64", Alias: "ttl", Good: "hoplimit 64", Bad: "hoplimit 0"},
	{Name: "max_hops", Args: list(num("N", -1, 255)), Means: "max hops accepted for received packets", Default: "0", Good: "max_hops 2", Bad: "max_hops 300"},
	{Name: "multihop", Args: yesNo(), Means: "RFC5883 multihop, port 4784 instead of 3784", Default: "false", Since: "2.3", Good: "multihop true", Bad: "multihop maybe", Built: UnlessTrue},
	{Name: "weight", Args: weight(253, "reverse"), Means: "default VRRP weight", Default: "0", Good: "weight -5", Bad: "weight 300"},
	{Name: "vrrp", Means: "send events to VRRP", Default: "both", Good: "vrrp", Bad: "vrrp now"},
	{Name: "checker", Means: "send events to checker", Default: "both", Good: "checker", Bad: "checker now"},
}
