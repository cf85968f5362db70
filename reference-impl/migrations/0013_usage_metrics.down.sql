drop table usage_metrics;
