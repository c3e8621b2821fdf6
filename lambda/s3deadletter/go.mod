module github.com/kinpack/kinpack/lambda/s3deadletter

go 1.26.0

require (
	github.com/aws/aws-sdk-go-v2 v1.47.7
	github.com/aws/aws-sdk-go-v2/credentials v1.20.15
	github.com/aws/aws-sdk-go-v2/service/s3 v1.114.8
	github.com/aws/aws-sdk-go-v2/service/sqs v1.52.10
	github.com/johannesboyne/gofakes3 v1.2.0
	github.com/kinpack/kinpack v0.0.0
	github.com/kinpack/kinpack/lambda/sqsdeadletter v0.0.0
)

replace github.com/kinpack/kinpack => ../..

replace github.com/kinpack/kinpack/lambda/sqsdeadletter => ../sqsdeadletter
