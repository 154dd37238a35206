from ganvas.cli import main

main()
