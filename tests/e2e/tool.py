"""The files of a small app whose tasks are started by hand: one service, one migration, no guard."""

from __future__ import annotations

REGISTRY = "123456789012.dkr.ecr.ap-northeast-1.amazonaws.com"
FILES = f"""\
apiVersion: reconciler/v1alpha1
app: tool
environment: production
account: "123456789012"
region: ap-northeast-1
cluster: production
services:
  web:
    image: {REGISTRY}/shop:1
    command: sleep 600
    cpu: 256
    memory: 512
    stopTimeout: 2
    executionRoleArn: arn:aws:iam::123456789012:role/tool
    networkConfiguration:
      subnets: [subnet-0aaa]
migrations:
  db:
    image: {REGISTRY}/shop:1
    command: echo migrated
    revision: "1"
    cpu: 256
    memory: 512
    executionRoleArn: arn:aws:iam::123456789012:role/tool
    networkConfiguration:
      subnets: [subnet-0aaa]
"""
