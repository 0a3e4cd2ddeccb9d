"""An app that names everything the product knows, read from YAML as a user writes it."""

from __future__ import annotations

import tempfile
from functools import lru_cache
from pathlib import Path

from reconciler.model.desired import DesiredApp
from reconciler.source.folder import load_folder

ACCOUNT, REGION = "123456789012", "ap-northeast-1"
REPOSITORY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/shop"
TARGET_GROUP = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:targetgroup/web/0123456789abcdef"
BALANCING = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}"
SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:shop/api"
REGISTRY = f"arn:aws:servicediscovery:{REGION}:{ACCOUNT}:service/srv-0123456789abcdef"
KEY = "01234567-89ab-cdef-0123-456789abcdef"
KEY_ARN = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{KEY}"
NAMESPACE = f"arn:aws:servicediscovery:{REGION}:{ACCOUNT}:namespace/ns-0123456789abcdef"

EVERYTHING = f"""\
apiVersion: reconciler/v1alpha1
app: shop
environment: production
account: "{ACCOUNT}"
region: {REGION}
cluster: main
sync: {{prune: true}}
guard:
  image: {REPOSITORY}-guard@sha256:{"0" * 64}
tfstate: s3://states/net.tfstate
images:
  app: {REPOSITORY}:1
defaults:
  cpu: 512
  memory: 1GB
  executionRoleArn: arn:aws:iam::{ACCOUNT}:role/shop-execution
  taskRoleArn: arn:aws:iam::{ACCOUNT}:role/shop-task
  networkConfiguration:
    subnets: [subnet-0aaa, subnet-0bbb]
    securityGroups: [sg-0aaa]
containers:
  rails:
    image: ${{images.app}}
    environment:
      PARAMETER: ${{ssm:/shop/parameter}}
      OUTPUT: ${{cfn:Net.Output}}
      STATE: ${{tfstate:output.x}}
    environmentFiles:
      - {{type: s3, value: "arn:aws:s3:::config/shop/rails.env"}}
    secrets:
      DATABASE_URL: /shop/DATABASE_URL
      API_KEY: "{SECRET}:key::"
    logConfiguration:
      logDriver: awslogs
      options:
        awslogs-group: /ecs/shop
        awslogs-region: {REGION}
        awslogs-stream-prefix: app
migrations:
  db:
    from: rails
    command: rails db:migrate
    revision: "1"
    propagateTags: TASK_DEFINITION
jobs:
  report:
    from: rails
    command: rake report
    schedule: "0 0 1 1 *"
redis:
  main:
    replicationGroupId: shop
    engine: redis
    engineVersion: "7.1"
    cacheNodeType: cache.t4g.small
    cacheSubnetGroupName: shop-caches
    userGroupIds: [shop-users]
    parameterGroup:
      cacheParameterGroupName: shop-redis7
      cacheParameterGroupFamily: redis7
      parameters: {{maxmemory-policy: noeviction}}
services:
  web:
    desiredCount: 1
    volumes:
      - name: files
        efsVolumeConfiguration: {{fileSystemId: fs-0123456789abcdef0}}
    containerDefinitions:
      app:
        from: rails
        portMappings:
          - {{containerPort: 80, name: http}}
        mountPoints:
          - {{sourceVolume: files, containerPath: /files}}
    loadBalancers:
      - targetGroupArn: "{TARGET_GROUP}"
        containerName: app
        containerPort: 80
        advancedConfiguration:
          alternateTargetGroupArn: "{BALANCING}:targetgroup/green/0123456789abcdef"
          productionListenerRule: "{BALANCING}:listener-rule/app/shop/1/2/3"
          roleArn: arn:aws:iam::{ACCOUNT}:role/balancing
    serviceRegistries:
      - {{registryArn: "{REGISTRY}"}}
    serviceConnectConfiguration: {{enabled: true, namespace: "{NAMESPACE}"}}
    autoscaling: {{min: 1, max: 4, targetCpu: 60, requestCountPerTarget: 500}}
    deploymentConfiguration:
      deploymentCircuitBreaker: {{enable: true, rollback: true}}
      lifecycleHooks:
        - {{targetType: PAUSE, lifecycleStages: [POST_SCALE_UP]}}
      alarms: {{enable: true, rollback: true, alarmNames: [web-errors]}}
  classic:
    desiredCount: 1
    launchType: EC2
    networkMode: bridge
    networkConfiguration: null
    containerDefinitions:
      app:
        from: rails
        portMappings:
          - {{containerPort: 80, hostPort: 80}}
    loadBalancers:
      - {{loadBalancerName: shop-classic, containerName: app, containerPort: 80}}
  worker:
    from: rails
    desiredCount: 1
    portMappings:
      - {{containerPort: 81}}
    loadBalancers:
      - targetGroupArn: "{BALANCING}:targetgroup/tcp/0123456789abcdef"
        containerName: worker
        containerPort: 81
        advancedConfiguration:
          alternateTargetGroupArn: "{BALANCING}:targetgroup/tcp-green/0123456789abcdef"
          productionListenerRule: "{BALANCING}:listener/net/shop/1/2"
          roleArn: arn:aws:iam::{ACCOUNT}:role/balancing
    monitoring: {{metricConfigurations: []}}
    capacityProviderStrategy:
      - {{capacityProvider: FARGATE_SPOT, weight: 1}}
    serviceConnectConfiguration: {{enabled: true, namespace: internal}}
    volumeConfigurations:
      - name: scratch
        managedEBSVolume:
          roleArn: arn:aws:iam::{ACCOUNT}:role/ebs
          sizeInGiB: 20
          kmsKeyId: {KEY_ARN}
    volumes:
      - {{name: scratch, configuredAtLaunch: true}}
"""


def parsed(text: str) -> DesiredApp:
    """Read an app's file; fails with what is wrong with it."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "production" / "shop" / "app.yaml"
        file.parent.mkdir(parents=True)
        file.write_text(text)
        loaded = load_folder(Path(folder))
        assert not [str(d) for d in loaded.diagnostics], loaded.diagnostics
        return loaded.apps["production/shop"]


@lru_cache(maxsize=1)
def everything() -> DesiredApp:
    """Return the app of `EVERYTHING`."""
    return parsed(EVERYTHING)
