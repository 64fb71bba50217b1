package limit

import "github.com/prometheus/client_golang/prometheus"

// What Limits tells, all of it from the start.
var (
	shedTotal = prometheus.NewDesc("consentd_limits_shed_total",
		"Calls that were refused before they ran: queue (calls wait too long), calls (too many are under way), waited (this "+
			"call did), caller_rate and caller_concurrency (its caller takes too much), by class of method.", []string{"why", "class"}, nil)
	inFlight = prometheus.NewDesc("consentd_limits_in_flight", "Calls under way, by class of method.", []string{"class"}, nil)
	room     = prometheus.NewDesc("consentd_limits_room",
		"How many calls may be on their way, of all connections; less than the greatest value while the server is overloaded.", nil, nil)
	connections = prometheus.NewDesc("consentd_connections", "Open connections.", []string{"listener"}, nil)
	refused     = prometheus.NewDesc("consentd_connections_refused_total",
		"Connections that were closed at once because there were too many.", []string{"listener"}, nil)
	memoryLimit = prometheus.NewDesc("consentd_memory_limit_bytes", "Go's memory limit; 0: there is none.", nil, nil)
)

// Describe implements prometheus.Collector.
func (l *Limits) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{shedTotal, inFlight, room, connections, refused, memoryLimit} {
		out <- d
	}
	l.queue.histogram.Describe(out)
}

// Collect implements prometheus.Collector.
func (l *Limits) Collect(out chan<- prometheus.Metric) {
	metric := func(d *prometheus.Desc, kind prometheus.ValueType, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, kind, value, labels...)
	}
	for why := range l.shed {
		for class := range l.shed[why] {
			metric(shedTotal, prometheus.CounterValue, float64(l.shed[why][class].Load()), whyNames[why], classNames[class])
		}
	}
	for class := range l.inFlight {
		metric(inFlight, prometheus.GaugeValue, float64(l.inFlight[class].Load()), classNames[class])
	}
	metric(room, prometheus.GaugeValue, float64(l.queue.room.Load()))
	for _, one := range []*listening{&l.grpc, &l.http} {
		metric(connections, prometheus.GaugeValue, float64(one.open.Load()), one.name)
		metric(refused, prometheus.CounterValue, float64(one.refused.Load()), one.name)
	}
	metric(memoryLimit, prometheus.GaugeValue, float64(MemoryLimit()))
	l.queue.histogram.Collect(out)
}
