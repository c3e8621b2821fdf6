// Package redrive makes Kinesis events again out of what was set aside: the dead
// letters of the package lambda, and Lambda's own on-failure documents.
//
// [Documents] reads, a [Set] collects outer records and what is to be handled of
// them, [Set.Events] makes the events. Nothing here talks to AWS.
package redrive
