//! A page of metrics in the making.

use prometheus::proto::{
    Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType,
};
use prometheus::{Encoder as _, TextEncoder};

/// Label names and values of one line.
pub(super) type Labels<'a> = &'a [(&'static str, &'a str)];

/// What becomes of a number with time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
}

/// Metrics by name, in the order in which they came.
pub(super) struct Page {
    prefix: &'static str,
    families: Vec<MetricFamily>,
}

impl Page {
    pub(super) fn new(prefix: &'static str) -> Self {
        Self {
            prefix,
            families: Vec::new(),
        }
    }

    /// Begins a metric; [`Self::line`] adds its values.
    pub(super) fn begin(&mut self, name: &str, help: &str, kind: Kind) {
        let mut family = MetricFamily::default();
        family.set_name(format!("{}{name}", self.prefix));
        family.set_help(help.to_owned());
        family.set_field_type(match kind {
            Kind::Counter => MetricType::COUNTER,
            Kind::Gauge => MetricType::GAUGE,
        });
        self.families.push(family);
    }

    /// Adds a value to the metric begun last.
    pub(super) fn line(&mut self, labels: Labels<'_>, value: f64) {
        let Some(family) = self.families.last_mut() else {
            return;
        };
        let mut metric = Metric::from_label(pairs(labels));
        if family.get_field_type() == MetricType::COUNTER {
            let mut counter = Counter::default();
            counter.set_value(value);
            metric.set_counter(counter);
        } else {
            let mut gauge = Gauge::default();
            gauge.set_value(value);
            metric.set_gauge(gauge);
        }
        family.mut_metric().push(metric);
    }

    /// A metric with one value.
    pub(super) fn one(
        &mut self,
        name: &str,
        help: &str,
        kind: Kind,
        labels: Labels<'_>,
        value: f64,
    ) {
        self.begin(name, help, kind);
        self.line(labels, value);
    }

    /// A histogram: how many values there are up to each bound and above the one before, and last
    /// those above all of them.
    pub(super) fn histogram(
        &mut self,
        (name, help): (&str, &str),
        labels: Labels<'_>,
        bounds: &[u64],
        counts: &[u64],
        sum: u64,
    ) {
        let mut family = MetricFamily::default();
        family.set_name(format!("{}{name}", self.prefix));
        family.set_help(help.to_owned());
        family.set_field_type(MetricType::HISTOGRAM);
        let mut so_far = 0;
        let bucket = |(bound, count): (&u64, &u64)| {
            so_far += count;
            let mut bucket = Bucket::default();
            bucket.set_upper_bound(*bound as f64);
            bucket.set_cumulative_count(so_far);
            bucket
        };
        let mut histogram = Histogram::default();
        histogram.set_bucket(bounds.iter().zip(counts).map(bucket).collect());
        histogram.set_sample_count(counts.iter().sum());
        histogram.set_sample_sum(sum as f64);
        let mut metric = Metric::from_label(pairs(labels));
        metric.set_histogram(histogram);
        family.mut_metric().push(metric);
        self.families.push(family);
    }

    pub(super) fn append(&mut self, mut other: Self) {
        self.families.append(&mut other.families);
    }

    /// The page in the text format.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut text = Vec::new();
        // A metric without values is no metric, to the encoder.
        let filled: Vec<MetricFamily> = self
            .families
            .iter()
            .filter(|family| !family.get_metric().is_empty())
            .cloned()
            .collect();
        if let Err(error) = TextEncoder::new().encode(&filled, &mut text) {
            tracing::error!(%error, "metrics can't be written");
        }
        text
    }
}

fn pairs(labels: Labels<'_>) -> Vec<LabelPair> {
    let pair = |(name, value): &(&str, &str)| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value((*value).to_owned());
        pair
    };
    labels.iter().map(pair).collect()
}
