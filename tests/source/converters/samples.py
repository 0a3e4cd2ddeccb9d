"""Files of other tools as teams have them: every construct that is converted, and some that are not."""

ECSPRESSO = """\
region: "{{ must_env `AWS_REGION` }}"
cluster: production
service: shop-web
service_definition: ecs-service-def.json
task_definition: ecs-task-def.json
timeout: 10m0s
plugins:
  - name: tfstate
    config:
      url: s3://shop-terraform/production.tfstate
  - name: external
    config: {}
"""

SERVICE_DEFINITION = """\
{
\t"launchType": "FARGATE",
\t"desiredCount": 2,
\t"schedulingStrategy": "REPLICA",
\t"platformFamily": "Linux",
\t"deploymentConfiguration": {
\t\t"maximumPercent": 200,
\t\t"minimumHealthyPercent": 100,
\t\t"deploymentCircuitBreaker": {"enable": true, "rollback": true}
\t},
\t"loadBalancers": [
\t\t{
\t\t\t"containerName": "nginx",
\t\t\t"containerPort": 80,
\t\t\t"targetGroupArn": "{{ tfstate `aws_lb_target_group.web['blue'].arn` }}"
\t\t}
\t],
\t"networkConfiguration": {
\t\t"awsvpcConfiguration": {
\t\t\t"subnets": ["{{ tfstate `aws_subnet.private-a.id` }}"],
\t\t\t"securityGroups": ["{{ tfstatef `data.aws_security_group.default['%s'].id` `first` }}"],
\t\t\t"assignPublicIp": "DISABLED"
\t\t}
\t},
\t"tags": [{"key": "team", "value": "shop"}]
}
"""

TASK_DEFINITION = """\
{
  "family": "shop-web",
  "revision": 12,
  "networkMode": "awsvpc",
  "requiresCompatibilities": ["FARGATE"],
  "cpu": "512",
  "memory": "1024",
  "executionRoleArn": "arn:aws:iam::123456789012:role/shop-execution",
  "containerDefinitions": [
    {
      "name": "nginx",
      "image": "public.ecr.aws/nginx/nginx:1.29.3",
      "essential": true,
      "portMappings": [{"containerPort": 80, "hostPort": 80, "protocol": "tcp"}],
      "dependsOn": [{"containerName": "app", "condition": "START"}]
    },
    {
      "name": "app",
      "image": "123456789012.dkr.ecr.ap-northeast-1.amazonaws.com/shop:{{ must_env `TAG` }}",
      "essential": true,
      "environment": [
        {"name": "RAILS_ENV", "value": "production"},
        {"name": "BRACES", "value": "${HOME}"},
        {"name": "JSON", "value": "{{ env `JSON` | json_escape }}"},
        {"name": "HOST", "value": "{{ env `HOST` `shop.example.com` }}"}
      ],
      "secrets": [{"name": "SECRET_KEY_BASE", "valueFrom": "{{ ssm `/shop/arn` }}:key::"}],
      "portMapings": []
    }
  ]
}
"""

HAKO = """\
scheduler:
  type: ecs
  region: us-east-1
  cluster: eagletmt
  desired_count: 1
  task_role_arn: arn:aws:iam::012345678901:role/EcsDefault
  elb_v2:
    vpc_id: vpc-x
    listeners: [{port: 80, protocol: HTTP}]
  execution_role_arn: arn:aws:iam::012345678901:role/ecsTaskExecutionRole
  cpu: '1024'
  memory: '2048'
  ephemeral_storage:
    size_in_gi_b: '25'
  requires_compatibilities: [FARGATE]
  network_mode: awsvpc
  launch_type: FARGATE
  network_configuration:
    awsvpc_configuration:
      subnets: [subnet-z, subnet-w]
      security_groups: [sg-y]
      assign_public_ip: DISABLED
  deployment_configuration:
    deployment_circuit_breaker: {enable: true}
  health_check_grace_period_seconds: 30
  tags: {team: shop}
app:
  image: ryotarai/hello-sinatra
  tag: v3
  cpu: 128
  memory: 256
  env:
    $providers: [{type: file, path: hello.env}]
    PORT: '3000'
    MESSAGE: '#{username}-san'
  secrets:
    - {name: TOKEN, value_from: /hako/token}
  log_configuration:
    log_driver: awslogs
    options: {awslogs-group: /ecs/hello, awslogs-region: us-east-1, awslogs-stream-prefix: ecs}
  mount_points: [{source_volume: data, container_path: /data}]
  cap_add: [NET_ADMIN]
sidecars:
  front:
    image_tag: hako-nginx:v1
volumes:
  data: {source_path: /mnt/data}
scripts:
  - {type: nginx_front, backend_port: 3000}
"""

COPILOT = """\
name: api
type: Load Balanced Web Service
http:
  path: /
  healthcheck: /health
image:
  build: ./Dockerfile
  port: 3000
  depends_on: {nginx: start}
cpu: 512
memory: 1024
platform: linux/arm64
count:
  range: {min: 2, max: 10, spot_from: 3}
  cooldown: {in: 60s, out: 1m30s}
  cpu_percentage: 70
  response_time: 2s
exec: true
network:
  connect: true
variables:
  NODE_ENV: production
  BUCKET: {from_cfn: bucket-stack}
secrets:
  DB: /copilot/${COPILOT_APPLICATION_NAME}/${COPILOT_ENVIRONMENT_NAME}/secrets/DB
  KEY: {secretsmanager: mysql}
storage:
  ephemeral: 100
  volumes:
    data: {path: /etc/mount1, read_only: false, efs: {id: fs-1234}}
sidecars:
  nginx:
    port: 80
    image: public.ecr.aws/nginx/nginx:1.29
    variables: {NGINX_PORT: 80}
    healthcheck: {command: [CMD-SHELL, curl -f http://localhost], interval: 10s}
environments:
  prod:
    variables: {LOG_LEVEL: warn}
  test: {count: 1}
"""

COPILOT_JOB = """\
name: report
type: Scheduled Job
on:
  schedule: "@every 1h30m"
retries: 3
timeout: 1h
image:
  location: public.ecr.aws/shop/report:1.4.0
cpu: 256
memory: 512
command: bin/report --all
variables:
  LOG_LEVEL: info
environments:
  prod:
    variables: {LOG_LEVEL: warn}
"""
