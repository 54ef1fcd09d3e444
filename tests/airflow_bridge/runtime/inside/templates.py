"""Texts that Airflow would render: each would be another text, or an error."""

TEMPLATES = {
    "a variable": "{{ var.value.secret }}",
    "a sum": "{{ 7 * 7 }}",
    "a block": "{% for x in range(3) %}x{% endfor %}",
    "a comment": "{# gone #}",
    "a file": "secret.json",
}
