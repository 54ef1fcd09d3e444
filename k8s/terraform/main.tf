# What the deployment needs outside the cluster: roles in AWS, dashboards and monitors in Datadog.
#
# Everything is read from files that `k8s/render.py` and `monitoring dashboards render` write, so a
# policy or a dashboard is stated once. Paths are relative to this folder.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws     = { source = "hashicorp/aws", version = ">= 5.0" }
    datadog = { source = "DataDog/datadog", version = ">= 3.40" }
  }
}

variable "environment" {
  description = "As `k8s/render.py` takes it: dev, staging or prod."
  type        = string
}

variable "rendered" {
  description = "Folder that `k8s/render.py` has written."
  type        = string
}

variable "datadog" {
  description = "Folder that `monitoring dashboards render` has written; empty for no Datadog."
  type        = string
  default     = ""
}

locals {
  roles      = toset(["code", "dagster", "fairness", "model", "run"])
  dashboards = var.datadog == "" ? [] : fileset(var.datadog, "dashboards/*.json")
  monitors   = var.datadog == "" ? [] : fileset(var.datadog, "monitors/*.json")
}

resource "aws_iam_role" "role" {
  for_each           = local.roles
  name               = "model-monitoring-${var.environment}-${each.key}"
  assume_role_policy = file("${var.rendered}/iam/${each.key}.trust.json")
}

resource "aws_iam_role_policy" "s3" {
  for_each = local.roles
  name     = "s3"
  role     = aws_iam_role.role[each.key].id
  policy   = file("${var.rendered}/iam/${each.key}.json")
}

resource "datadog_dashboard_json" "dashboard" {
  for_each  = toset(local.dashboards)
  dashboard = file("${var.datadog}/${each.key}")
}

resource "datadog_monitor_json" "monitor" {
  for_each = toset(local.monitors)
  monitor  = file("${var.datadog}/${each.key}")
}

output "dashboards" {
  description = "For MONITORING_DATADOG_DASHBOARD_URL: the address of model.json."
  value       = { for name, one in datadog_dashboard_json.dashboard : name => one.url }
}
