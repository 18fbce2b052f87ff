//! AWS's prices in dollars, in us-east-1, on demand, without free tiers, as their pages had them in November 2026.

/// A million write units of an on-demand table (aws.amazon.com/dynamodb/pricing/on-demand).
pub(crate) const MILLION_WRITE_UNITS: f64 = 0.625;
/// A million read units.
pub(crate) const MILLION_READ_UNITS: f64 = 0.125;
/// A gigabyte in a table for a month.
pub(crate) const TABLE_GIGABYTE: f64 = 0.25;
/// A gigabyte of continuous backup for a month.
pub(crate) const BACKUP_GIGABYTE: f64 = 0.20;
/// A million invocations (aws.amazon.com/lambda/pricing). What the event source reads from a stream is free.
pub(crate) const MILLION_INVOCATIONS: f64 = 0.20;
/// A gigabyte-second on arm64.
pub(crate) const GIGABYTE_SECOND: f64 = 0.000_013_333_4;
/// A million requests to an HTTP API (aws.amazon.com/api-gateway/pricing).
pub(crate) const MILLION_API_REQUESTS: f64 = 1.00;
/// A gigabyte of logs taken in (aws.amazon.com/cloudwatch/pricing).
pub(crate) const LOG_GIGABYTE: f64 = 0.50;
/// A custom metric for a month.
pub(crate) const METRIC: f64 = 0.30;
/// An alarm for a month.
pub(crate) const ALARM: f64 = 0.10;
/// A dashboard for a month.
pub(crate) const DASHBOARD: f64 = 3.00;
/// A million calls of a schedule (aws.amazon.com/eventbridge/pricing).
pub(crate) const MILLION_SCHEDULED: f64 = 1.00;
/// A million traces (aws.amazon.com/xray/pricing).
pub(crate) const MILLION_TRACES: f64 = 5.00;
