// Alerts on what Holdfast tells (docs/reference/telemetry.md), and whom they wake. A query returns rows if, and only if,
// the alert is to fire; each row of other dimensions is an alert of its own, which resolves when its row is gone.
param name string
param location string
param tags object
param workspaceId string

@description('E-mail address; empty: alerts are made and go nowhere.')
param email string

@description('Without a look at the policies for this long nobody backs up. The app looks every ten minutes.')
@allowed(['PT30M', 'PT45M', 'PT1H', 'PT2H'])
param silence string = 'PT45M'

resource group 'Microsoft.Insights/actionGroups@2023-01-01' = if (!empty(email)) {
  name: 'ag-${name}'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: take(name, 12)
    enabled: true
    emailReceivers: [{ name: 'operators', emailAddress: email, useCommonAlertSchema: true }]
  }
}

var rules = [
  {
    name: 'session-failed'
    title: 'A session failed, or a part of it'
    advice: '`holdfast session show SESSION` says which database and why, `holdfast explain CODE` what to do.'
    query: loadTextContent('../queries/alerts/session-failed.kql')
    severity: 1
    window: 'PT6H'
    frequency: 'PT10M'
    dimensions: ['Session', 'Kind', 'Policy', 'State', 'Code']
  }
  {
    name: 'database-overdue'
    title: 'A database has no restore point within its policy\'s promise'
    advice: '`holdfast status` lists them; `holdfast backup start --database SOURCE` makes a point now.'
    query: loadTextContent('../queries/alerts/database-overdue.kql')
    severity: 1
    window: 'P2D'
    frequency: 'PT15M'
    dimensions: ['Policy', 'Source', 'Since']
  }
  {
    name: 'still-overdue'
    title: 'Databases are still overdue'
    advice: 'Stays until each of them has a point: `holdfast status` lists them.'
    query: loadTextContent('../queries/alerts/still-overdue.kql')
    severity: 2
    window: 'PT1H'
    frequency: 'PT15M'
    dimensions: []
  }
  {
    name: 'drill-failed'
    title: 'A restore drill failed: a point did not prove to restore'
    advice: '`holdfast point verify POINT` reads it; keep older points until a drill succeeds.'
    query: loadTextContent('../queries/alerts/drill-failed.kql')
    severity: 1
    window: 'P2D'
    frequency: 'PT15M'
    dimensions: ['Policy', 'Source', 'Point', 'Code']
  }
  {
    name: 'leftover-stuck'
    title: 'A staging copy or a worker cannot be removed, and costs'
    advice: 'Mostly a management lock or a missing right: `holdfast doctor`. Remove it by hand if it is to go now.'
    query: loadTextContent('../queries/alerts/leftover-stuck.kql')
    severity: 2
    window: 'PT1H'
    frequency: 'PT15M'
    dimensions: ['Kind', 'Resource']
  }
  {
    name: 'check-failed'
    title: 'A check of a repository found something'
    advice: '`holdfast repository check --read-data` names the points; docs/how-to/prune-check-salvage.md goes on.'
    query: loadTextContent('../queries/alerts/check-failed.kql')
    severity: 0
    window: 'P2D'
    frequency: 'PT15M'
    dimensions: ['Repository']
  }
  {
    name: 'retention-alarm'
    title: 'Retention stopped and asks, or a lock is shorter than its policy'
    advice: '`holdfast retention alarms --policy POLICY` says what was stopped and how to approve it.'
    query: loadTextContent('../queries/alerts/retention-alarm.kql')
    severity: 2
    window: 'P1D'
    frequency: 'PT15M'
    dimensions: ['Policy', 'State', 'Alarm']
  }
  {
    name: 'no-heartbeat'
    title: 'Nobody looks at the policies: no backup will start'
    advice: 'Is the function app running? `az functionapp show`, then its log stream; `holdfast doctor`.'
    query: loadTextContent('../queries/alerts/no-heartbeat.kql')
    severity: 0
    window: silence
    frequency: 'PT15M'
    dimensions: []
  }
]

resource rule 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for one in rules: {
    name: 'alert-${name}-${one.name}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: '${name}: ${one.title}'
      description: one.advice
      enabled: true
      severity: one.severity
      scopes: [workspaceId]
      windowSize: one.window
      evaluationFrequency: one.frequency
      autoMitigate: true
      criteria: {
        allOf: [
          {
            query: one.query
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: 0
            dimensions: map(one.dimensions, column => { name: column, operator: 'Include', values: ['*'] })
            failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
          }
        ]
      }
      actions: { actionGroups: empty(email) ? [] : [group.id] }
    }
  }
]

@description('Names of the alerts.')
output names array = map(rules, one => 'alert-${name}-${one.name}')
