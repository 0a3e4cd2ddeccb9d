"""What the product needs of IAM, one file for each part of AWS; put together by `resources.policy`.

A grant is a function from the names of one app to statements: reads for `diff`, writes for the controller.
"""
