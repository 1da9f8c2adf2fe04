//! The instruments as OpenTelemetry reads them: counters and gauges are asked at each reading, histograms are told.

use std::sync::Arc;

use opentelemetry::KeyValue;
use opentelemetry::metrics::Meter;

use crate::instrument::{Definition, Meaning, Mirror};
use crate::instruments::{Family, Instruments};

/// Gives every instrument to a meter.
pub(super) fn tell(instruments: &Arc<Instruments>, meter: &Meter) {
    for (place, family) in instruments.families().iter().enumerate() {
        let of = instruments.clone();
        match family {
            Family::Counter(counter) => {
                let (definition, attributes) = (counter.definition, attributes(&counter.definition));
                meter
                    .u64_observable_counter(definition.name)
                    .with_unit(definition.unit)
                    .with_description(definition.help)
                    .with_callback(move |observer| {
                        if let Family::Counter(counter) = &of.families()[place] {
                            counter
                                .values()
                                .for_each(|(cell, value)| observer.observe(value, &attributes[cell]));
                        }
                    })
                    .build();
            }
            Family::Gauge(gauge) => {
                let (definition, attributes) = (gauge.definition, attributes(&gauge.definition));
                let read = move |observer: &dyn opentelemetry::metrics::AsyncInstrument<f64>| {
                    of.look_once();
                    if let Family::Gauge(gauge) = &of.families()[place] {
                        gauge.values().for_each(|(cell, value)| observer.observe(value, &attributes[cell]));
                    }
                };
                let (name, unit, help) = (definition.name, definition.unit, definition.help);
                match gauge.meaning {
                    Meaning::Measure => {
                        let builder = meter.f64_observable_gauge(name).with_unit(unit).with_description(help);
                        builder.with_callback(read).build();
                    }
                    Meaning::Level => {
                        let builder = meter.f64_observable_up_down_counter(name).with_unit(unit);
                        builder.with_description(help).with_callback(read).build();
                    }
                    Meaning::Total => {
                        let builder =
                            meter.f64_observable_counter(name).with_unit(unit).with_description(help);
                        builder.with_callback(read).build();
                    }
                }
            }
            Family::Histogram(histogram) => {
                let definition = histogram.definition;
                let told = meter
                    .f64_histogram(definition.name)
                    .with_unit(definition.unit)
                    .with_description(definition.help)
                    .with_boundaries(histogram.bounds.to_vec())
                    .build();
                histogram.tell(Mirror { histogram: told, attributes: attributes(&definition) });
            }
        }
    }
}

/// Of each cell.
fn attributes(definition: &Definition) -> Vec<Vec<KeyValue>> {
    (0..definition.cell_count()).map(|cell| definition.attributes_of(cell)).collect()
}
