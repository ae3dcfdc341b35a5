"""What the pages tell people to type does what they say, and prints what they show."""
from page import Page
from program import ROOT, environment


def test_the_tour_of_the_readme(launch):
    program = launch()
    Page(ROOT / "README.md").run("Five minutes", {"localhost:8080": program.addresses[0]}, environment())
