module github.com/kinpack/kinpack/lambda/sqsdeadletter

go 1.26.0

require (
	github.com/aws/aws-sdk-go-v2 v1.47.7
	github.com/aws/aws-sdk-go-v2/credentials v1.20.15
	github.com/aws/aws-sdk-go-v2/service/sqs v1.52.10
	github.com/kinpack/kinpack v0.0.0
)

replace github.com/kinpack/kinpack => ../..
