"""What the controller reads besides ECS, at the one endpoint: look-ups, network, load balancers, alarms."""

from __future__ import annotations

import json

import pytest

from tests.local.talk import code_of

TEMPLATE = {
    "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
    "Outputs": {"Name": {"Value": {"Fn::GetAtt": ["Topic", "TopicName"]}}},
}


@pytest.fixture
def talk(start):
    """Return an embedded AWS."""
    return start()


def test_parameters_of_both_plain_kinds(talk):
    """A StringList is one text with commas; both carry a version that counts."""
    ssm = talk.client("ssm")
    ssm.put_parameter(Name="/shop/zones", Value="a,b", Type="StringList")
    ssm.put_parameter(Name="/shop/size", Value="3", Type="String")
    ssm.put_parameter(Name="/shop/size", Value="4", Type="String", Overwrite=True)
    found = ssm.get_parameters(Names=["/shop/zones", "/shop/size", "/shop/none"])
    seen = {p["Name"]: (p["Type"], p["Value"], p["Version"]) for p in found["Parameters"]}
    assert seen == {
        "/shop/zones": ("StringList", "a,b", 1),
        "/shop/size": ("String", "4", 2),
    }
    assert found["InvalidParameters"] == ["/shop/none"]


def test_outputs_of_a_stack(talk):
    """CloudFormation runs a template and tells its outputs; an unknown stack is an error."""
    cloudformation = talk.client("cloudformation")
    cloudformation.create_stack(StackName="network", TemplateBody=json.dumps(TEMPLATE))
    (stack,) = cloudformation.describe_stacks(StackName="network")["Stacks"]
    assert [o["OutputKey"] for o in stack["Outputs"]] == ["Name"]
    assert code_of(cloudformation.describe_stacks, StackName="none") == "ValidationError"


def test_a_terraform_state_in_a_bucket(talk):
    """S3 keeps an object and its ETag; an unknown key is an error."""
    s3 = talk.client("s3")
    where = {"LocationConstraint": "ap-northeast-1"}
    s3.create_bucket(Bucket="states", CreateBucketConfiguration=where)
    state = json.dumps({"version": 4, "resources": []}).encode()
    tag = s3.put_object(Bucket="states", Key="prod/terraform.tfstate", Body=state)["ETag"]
    answer = s3.get_object(Bucket="states", Key="prod/terraform.tfstate")
    assert answer["Body"].read() == state
    assert answer["ETag"] == tag
    assert code_of(s3.get_object, Bucket="states", Key="none") == "NoSuchKey"


def test_subnets_count_their_free_addresses(talk):
    """A subnet tells its size, zone and VPC."""
    ec2 = talk.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    made = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/28")["Subnet"]["SubnetId"]
    (subnet,) = ec2.describe_subnets(SubnetIds=[made])["Subnets"]
    assert (subnet["AvailableIpAddressCount"], subnet["VpcId"]) == (11, vpc)
    assert subnet["AvailabilityZone"].startswith("ap-northeast-1")


def test_a_load_balancer_and_its_targets(talk):
    """A target group knows its type, port and load balancer, and the health of what is registered."""
    ec2, balancing = talk.client("ec2"), talk.client("elbv2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24")["Subnet"]["SubnetId"]
        for n in range(2)
    ]
    (balancer,) = balancing.create_load_balancer(Name="web", Subnets=subnets)["LoadBalancers"]
    (group,) = balancing.create_target_group(
        Name="web", Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip"
    )["TargetGroups"]
    balancing.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": group["TargetGroupArn"]}],
    )
    arn = group["TargetGroupArn"]
    (seen,) = balancing.describe_target_groups(TargetGroupArns=[arn])["TargetGroups"]
    assert (seen["TargetType"], seen["Port"]) == ("ip", 80)
    assert seen["LoadBalancerArns"] == [balancer["LoadBalancerArn"]]
    balancing.register_targets(TargetGroupArn=arn, Targets=[{"Id": "10.0.0.9", "Port": 80}])
    (health,) = balancing.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
    assert health["TargetHealth"]["State"] == "healthy"


def test_an_alarm_says_its_state(talk):
    """DescribeAlarms by name, with a state that somebody may set."""
    cloudwatch = talk.with_alarm("errors")
    cloudwatch.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="test")
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=["errors", "none"])["MetricAlarms"]
    assert (alarm["AlarmName"], alarm["StateValue"]) == ("errors", "ALARM")


def test_a_role_says_whom_it_trusts(talk):
    """The trust policy comes back as a document."""
    iam = talk.client("iam")
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "ecs-tasks.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    iam.create_role(RoleName="task", AssumeRolePolicyDocument=json.dumps(trust))
    assert iam.get_role(RoleName="task")["Role"]["AssumeRolePolicyDocument"] == trust


def test_the_simulator_knows_the_roles_that_exist(talk):
    """Each may do everything; one that is missing cannot be simulated, as on AWS."""
    iam = talk.client("iam")
    arn = iam.create_role(RoleName="task", Path="/team/", AssumeRolePolicyDocument="{}")["Role"][
        "Arn"
    ]
    asked = {"ActionNames": ["s3:GetObject"]}
    (result,) = iam.simulate_principal_policy(PolicySourceArn=arn, **asked)["EvaluationResults"]
    assert result["EvalDecision"] == "allowed"
    for missing in (arn.replace("task", "none"), arn.replace("/team", "")):
        with pytest.raises(iam.exceptions.NoSuchEntityException):
            iam.simulate_principal_policy(PolicySourceArn=missing, **asked)
