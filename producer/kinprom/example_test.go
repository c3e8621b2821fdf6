package kinprom_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/kinpack/kinpack/kinesistest"
	"github.com/kinpack/kinpack/producer"
	"github.com/kinpack/kinpack/producer/kinprom"
)

func Example() {
	ctx := context.Background()
	srv := kinesistest.New() // in the place of AWS
	if err := srv.AddStream("orders", 1); err != nil {
		fmt.Println(err)
		return
	}

	reg := prometheus.NewRegistry() // or prometheus.DefaultRegisterer
	m, err := kinprom.New(reg)
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := producer.New(ctx, srv.Client(), "orders", m.Option(), producer.WithMaxBufferedTime(10*time.Second))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Watch(p, "orders")()
	for _, item := range []string{"apple", "pear", "plum"} {
		if err := p.Put(ctx, producer.Record{PartitionKey: item, Data: []byte("one " + item)}, nil); err != nil {
			fmt.Println(err)
		}
	}
	if err := p.Close(ctx); err != nil {
		fmt.Println(err)
	}

	scrape := httptest.NewRecorder()
	promhttp.HandlerFor(reg, promhttp.HandlerOpts{}).ServeHTTP(scrape, httptest.NewRequest("GET", "/metrics", nil))
	for lines := bufio.NewScanner(scrape.Body); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "kinpack_user_records_put_total") || strings.HasPrefix(lines.Text(), "kinpack_kinesis_records_total") {
			fmt.Println(lines.Text())
		}
	}
	// Output:
	// kinpack_kinesis_records_total{stream="orders",verdict="stored"} 1
	// kinpack_user_records_put_total{stream="orders"} 3
}
