export { FlowOfCounts, type Counts, type FlowOfCountsProps } from "./FlowOfCounts";
export { HeatMap, type HeatMapProps } from "./HeatMap";
export type { Band, Point, Series, TimeSeriesProps } from "./series";
export { ShowAsTable, type ChartTable, type ShowAsTableProps } from "./ShowAsTable";
export { Sparkline, type SparklineProps } from "./Sparkline";
export { StageTimeline, type Stage, type StageTimelineProps } from "./StageTimeline";
export { TimeSeries } from "./TimeSeries";
